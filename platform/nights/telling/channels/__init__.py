"""The places that are told: webhook, e-mail, command, apprise; a file each, and what keeps secrets out."""
