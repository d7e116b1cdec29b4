"""What Rasa calls when a message has been understood."""
