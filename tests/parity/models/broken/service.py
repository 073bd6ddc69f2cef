"""Fails to load."""


def handle(data, context):
    raise ValueError("this model never loads")
