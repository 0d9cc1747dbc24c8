"""Joining Ray, the resources of a trial, and the logs of libraries."""
