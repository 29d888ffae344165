"""Makes a mongod of this machine a replica set of one, which transactions need, with one user."""

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

_NOT_YET_INITIALIZED, _ALREADY_INITIALIZED = 94, 23
_AUTHENTICATION_FAILED = 18
Client = MongoClient[dict[str, Any]]


def become_primary(name: str, port: int, *, key: str) -> bool:
    """Returns whether the server at `port` takes writes; initiates the set where that is missing.

    `key` is the content of the server's key file. A server that does not answer, or not yet, is not
    ready; nothing is raised.
    """
    try:
        with _connect_as_member(port, key) as client:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return True
            if "setName" not in hello:
                _configure(client, name, f"127.0.0.1:{port}")
    except PyMongoError:
        return False
    return False


def is_answering(port: int) -> bool:
    """Returns whether the server answers a ping, which needs no login and no disk, within seconds."""
    try:
        with _connect(port, serverSelectionTimeoutMS=3_000, socketTimeoutMS=3_000) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def admit_user(port: int, name: str, password: str, *, key: str) -> str:
    """Makes sure that the user can log in to a primary: creates it, or resets its password.

    Returns the release that the data files are for, as in "6.0"; an empty string if the server does
    not answer yet.
    """
    try:
        try:
            return _release(port, name, password)
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
        with _connect_as_member(port, key) as client:
            exists = client.admin.command("usersInfo", name)["users"]
            command = "updateUser" if exists else "createUser"
            # This server has one owner, who configures the set with the same login.
            client.admin.command(command, name, pwd=password, roles=["root"])
        return _release(port, name, password)
    except PyMongoError:
        return ""


def _release(port: int, name: str, password: str) -> str:
    with _connect(port, username=name, password=password) as client:
        told = client.admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    return str(told["featureCompatibilityVersion"]["version"])


def _connect_as_member(port: int, key: str) -> Client:
    """Connects as the members of a replica set do. This needs no user, so that none has to exist."""
    return _connect(
        port,
        username="__system",
        password=key,
        authSource="local",
        authMechanism="SCRAM-SHA-256",
    )


def _connect(port: int, **options: Any) -> Client:
    timeouts = {
        "serverSelectionTimeoutMS": 300,
        "connectTimeoutMS": 1_000,
        "socketTimeoutMS": 5_000,
    }
    return Client(f"mongodb://127.0.0.1:{port}/?directConnection=true", **{**timeouts, **options})


def _configure(client: Client, name: str, host: str) -> None:
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
