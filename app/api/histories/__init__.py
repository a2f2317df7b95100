"""What the event store knows beyond the documents: their events, and whole transcripts."""
