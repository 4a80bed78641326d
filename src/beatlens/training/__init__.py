"""From a configuration to a trained model, resumable at any moment."""
