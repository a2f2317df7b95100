"""Money movements: repayments, fees, waivers and adjustments."""
