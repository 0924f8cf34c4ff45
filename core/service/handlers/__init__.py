"""Who answers each request: handlers by subject, and the one table of them."""
