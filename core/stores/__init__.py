"""What stages need from storage, as protocols, and the records they exchange with it."""
