"""What is kept: every turn, de-identified, in one database; and a queue on disk for when that database fails."""
