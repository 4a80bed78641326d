"""How figures are taken: which beats, which split, which mapping; every figure names its protocol."""
