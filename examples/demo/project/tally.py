"""Counts the words of a text."""

import re


def tally(text):
    """Return how often each word occurs, upper and lower case alike."""
    counts = {}
    for word in re.findall(r"[a-z']+", text):
        counts[word] = counts.get(word, 0) + 1
    return counts
