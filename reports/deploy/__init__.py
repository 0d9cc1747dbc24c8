"""Uses the winner: predict, pseudo-label, export, ship."""
