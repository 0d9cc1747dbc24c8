"""Who is told of a change of state, of what, and how: notices, the digest, the ping that says it lives."""
