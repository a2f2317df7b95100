"""Write-off requests: made by one person, decided by another."""
