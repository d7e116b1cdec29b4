"""De-identification: what names a person is taken out of a text before anything stores, logs or answers it."""
