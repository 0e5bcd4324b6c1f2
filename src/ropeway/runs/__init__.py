"""Carrying out a plan: schedule, steps, journal, processes."""
