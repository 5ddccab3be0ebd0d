"""State-of-charge maps of battery cathodes, and how heterogeneous they really are."""
