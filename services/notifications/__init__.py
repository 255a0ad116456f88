"""Tells the citizen: SMS and e-mail with delivery receipts, and appointments at the desk."""
