"""What models answered in finished scans: facts, scores against references, differences."""
