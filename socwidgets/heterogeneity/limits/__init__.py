"""Local over- and under-charge, and the balance with the charge that passed."""
