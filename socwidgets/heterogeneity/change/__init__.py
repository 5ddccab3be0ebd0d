"""What changed between two states: distances, recovery, residuals, ridges."""
