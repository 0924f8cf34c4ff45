"""How hosts are reached: proxies, certificates, and httpx transports that follow them."""
