"""The scheduler page, its buttons, and the tables of django-q2."""
