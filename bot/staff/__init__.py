"""The staff's pages: what patients asked, what was answered, and how to make it better."""
