"""Requests that are no commands and no lists, with their replies: a file for each subject."""
