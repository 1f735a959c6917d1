"""Judges text: policies, lists of phrases, classifiers, and what they found."""
