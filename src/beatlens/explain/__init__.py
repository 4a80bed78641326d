"""What decided a call: attribution, its naming, and tests of its faithfulness."""
