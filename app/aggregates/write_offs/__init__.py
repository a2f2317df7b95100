"""Write-off requests, and the register of those of an account."""
