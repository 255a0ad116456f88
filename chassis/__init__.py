"""Plumbing without one domain word: how a service hears, decides, remembers and speaks."""
