"""Makes a mongod of this machine a replica set of one, which transactions need."""

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

_NOT_YET_INITIALIZED, _ALREADY_INITIALIZED = 94, 23


def become_primary(name: str, port: int) -> bool:
    """Returns whether the server at `port` takes writes; initiates the set where that is missing.

    A server that does not answer, or not yet, is not ready; nothing is raised.
    """
    try:
        with MongoClient[dict[str, Any]](
            f"mongodb://127.0.0.1:{port}/?directConnection=true",
            serverSelectionTimeoutMS=300,
            connectTimeoutMS=1_000,
            socketTimeoutMS=5_000,
        ) as client:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return True
            if "setName" not in hello:
                _configure(client, name, f"127.0.0.1:{port}")
    except PyMongoError:
        return False
    return False


def _configure(client: MongoClient[dict[str, Any]], name: str, host: str) -> None:
    held = client["local"]["system.replset"].find_one()
    try:
        if held is None:
            config = {"_id": name, "members": [{"_id": 0, "host": host}]}
            client.admin.command("replSetInitiate", config)
        elif len(held["members"]) == 1 and held["members"][0]["host"] != host:
            # The folder last ran at another port; by force, as there is no primary to ask.
            members = [{**held["members"][0], "host": host}]
            config = {**held, "version": held["version"] + 1, "members": members}
            config.pop("term", None)
            client.admin.command("replSetReconfig", config, force=True)
    except OperationFailure as error:
        if error.code not in (_NOT_YET_INITIALIZED, _ALREADY_INITIALIZED):
            raise
