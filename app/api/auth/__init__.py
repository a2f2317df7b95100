"""Who calls, and what they may do: tokens, roles, rate limits and the audit log of reads."""
