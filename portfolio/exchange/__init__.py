"""Transactions as files: reading CSV of several tools, and writing our own."""
