"""Replaces the tokens of version 0.1, which were stored as they are, by their hashes."""

from typing import Any

from django.db import migrations, transaction
from knox.crypto import hash_token
from knox.settings import CONSTANTS

_OLD = "authtoken_token"


def hash_tokens(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if _OLD not in connection.introspection.table_names():
        return  # a new installation
    move_tokens(apps, connection)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # Until then, the file itself still holds the old pages.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def move_tokens(apps: Any, connection: Any) -> None:
    hashed = apps.get_model("knox", "AuthToken").objects.using(connection.alias)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA secure_delete = ON")  # Overwrites what is deleted.
        with transaction.atomic(connection.alias):
            cursor.execute(f'SELECT "key", user_id FROM {_OLD}')  # noqa: S608  # our own name
            for key, user in cursor.fetchall():
                digest, start = hash_token(key), key[: CONSTANTS.TOKEN_KEY_LENGTH]
                if not hashed.filter(digest=digest).exists():
                    hashed.bulk_create([hashed.model(digest=digest, token_key=start, user_id=user)])
            cursor.execute(f"DELETE FROM {_OLD}")  # noqa: S608


class Migration(migrations.Migration):
    initial = True
    # A checkpoint is not possible within a transaction.
    atomic = False

    dependencies = [("knox", "0009_extend_authtoken_field")]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[],
            options={
                "verbose_name": "API token",
                "ordering": ("user__username", "created"),
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("knox.authtoken",),
        ),
        migrations.RunPython(hash_tokens, migrations.RunPython.noop, elidable=False),
    ]
