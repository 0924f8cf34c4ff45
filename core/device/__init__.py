"""What the machine computes with: devices, memory, attention backends, quantisation."""
