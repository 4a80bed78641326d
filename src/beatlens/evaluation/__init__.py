"""From predictions and a reference to figures: protocols, ANSI/AAMI EC57, intervals."""
