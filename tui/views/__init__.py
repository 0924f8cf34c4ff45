"""What screens show, as plain text: state in, rows and lines out; no Textual in here."""
