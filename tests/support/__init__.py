"""Servers, clients and processes that the tests drive."""
