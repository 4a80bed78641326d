"""Networks, one architecture a file, and their weights with their cards."""
