"""From reviewers' corrections to a better model: phrases to files, a training, a comparison, and the switch."""
