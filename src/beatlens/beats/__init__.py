"""From a recording to its beats: filters, R peaks, windows, rhythm."""
