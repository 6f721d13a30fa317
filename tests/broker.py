"""A real RabbitMQ for tests, set up as the Waggle Edge Stack sets up a node's.

    with Broker() as broker:
        run_a_plugin(env=broker.environment(app_id="pod-1"))
        assert [message.body for message in broker.take(3)] == [...]

Plugins publish to the exchange ``to-validator``. What arrives there is read by ``take``; the
node's data service, whose place :class:`Forwarder` takes, passes it on to ``data.topic``, where
``subscribe`` listens. Everything is on the loopback and in a directory of its own: the node's
data, its cookie, and epmd, which Erlang nodes find each other by. It ends with the test.
"""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import NamedTuple

import pika
import pika.exceptions
import wagglemsg

from tests.programs import free_port, skip_without

#: Debian's. The one on the PATH is a wrapper that changes to the system's own user and directory.
SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
START_SECONDS = 60
USER, PASSWORD = "plugin", "plugin"
ADMIN = "service"
VALIDATOR, TOPICS = "to-validator", "data.topic"


class Received(NamedTuple):
    """A message as it came: the scope is the routing key; properties without those unset."""

    scope: str
    body: bytes
    properties: dict


class Broker:
    """A RabbitMQ node of this test's own; a context manager that ends it."""

    def __init__(self):
        self.directory = None
        self.port = None
        self._server = self._epmd = None

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="wl-rabbit-")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (self._server, self._epmd):
            if process is not None:
                _end(process)
        shutil.rmtree(self.directory)

    def environment(self, app_id="", **more):
        """Return the variables by which a plugin finds this broker."""
        found = {
            "WAGGLE_PLUGIN_HOST": "127.0.0.1",
            "WAGGLE_PLUGIN_PORT": str(self.port),
            "WAGGLE_PLUGIN_USERNAME": USER,
            "WAGGLE_PLUGIN_PASSWORD": PASSWORD,
            **more,
        }
        if app_id:
            found["WAGGLE_APP_ID"] = app_id
        return found

    @contextlib.contextmanager
    def channel(self):
        """Yield a channel of a service of the stack."""
        with pika.BlockingConnection(self._parameters()) as connection:
            yield connection.channel()

    def take(self, number, seconds=START_SECONDS):
        """Take that many messages that plugins have published, in their order; and no more."""
        received = []
        deadline = time.monotonic() + seconds
        with self.channel() as channel:
            while len(received) < number:
                method, properties, body = channel.basic_get(VALIDATOR, auto_ack=True)
                if method is not None:
                    received.append(_received(method, properties, body))
                    continue
                assert time.monotonic() < deadline, "only %r" % (received,)
                time.sleep(0.02)
        return received

    def waiting(self):
        """Return how many messages of plugins nobody has taken."""
        with self.channel() as channel:
            return channel.queue_declare(VALIDATOR, passive=True).method.message_count

    def is_bound(self, topic):
        """Return whether somebody has subscribed to ``topic``; pywaggle drops what is probed."""
        with self.channel() as channel:
            channel.confirm_delivery()
            try:
                channel.basic_publish(TOPICS, topic, b"0", mandatory=True)
            except pika.exceptions.UnroutableError:
                return False
            return True

    def _start(self):
        ports = set()
        while len(ports) < 3:
            ports.add(free_port())
        self.port, distribution, epmd = ports
        environ = {name: value for name, value in os.environ.items() if "RABBITMQ" not in name}
        environ.update(
            HOME=self.directory,  # where the cookie is
            ERL_EPMD_ADDRESS="127.0.0.1",
            ERL_EPMD_PORT=str(epmd),
            RABBITMQ_NODENAME="waggle-live-%d@localhost" % os.getpid(),
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(distribution),
            RABBITMQ_MNESIA_BASE=self._path("data"),
            RABBITMQ_LOG_BASE=self._path("log"),
            RABBITMQ_CONF_ENV_FILE=self._path("none"),
            RABBITMQ_CONFIG_FILE=self._write("rabbitmq.conf", self._configuration()),
            RABBITMQ_ENABLED_PLUGINS_FILE=self._write("plugins", "[]."),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
            RUNNING_UNDER_SYSTEMD="true",  # the script becomes the node instead of starting it
        )
        environ.pop("NOTIFY_SOCKET", None)
        # In the foreground and of ours, else the node would leave one behind.
        self._epmd = self._run(["epmd"], environ)
        _wait_for_port(self._epmd, epmd)
        self._server = self._run([SERVER], environ)
        _wait_for_port(self._server, self.port, self._path("output"))

    def _configuration(self):
        definitions = {
            "vhosts": [{"name": "/"}],
            "users": [
                {"name": USER, "password_hash": _hash(PASSWORD), "tags": ""},
                {"name": ADMIN, "password_hash": _hash(ADMIN), "tags": "administrator"},
            ],
            "permissions": [
                {
                    "user": USER,
                    "vhost": "/",
                    "configure": r"^amq\.gen",
                    "write": r"^(to-validator|amq\.gen.*)$",
                    "read": r"^(data\.topic|amq\.gen.*)$",
                },
                {"user": ADMIN, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
            ],
            "exchanges": [
                _durable(VALIDATOR, type="fanout", auto_delete=False, internal=False),
                _durable(TOPICS, type="topic", auto_delete=False, internal=False),
            ],
            "queues": [_durable(VALIDATOR, auto_delete=False)],
            "bindings": [
                {
                    "source": VALIDATOR,
                    "vhost": "/",
                    "destination": VALIDATOR,
                    "destination_type": "queue",
                    "routing_key": "",
                    "arguments": {},
                }
            ],
        }
        path = self._write("definitions.json", json.dumps(definitions))
        return "load_definitions = %s\n" % path

    def _parameters(self):
        credentials = pika.PlainCredentials(ADMIN, ADMIN)
        return pika.ConnectionParameters("127.0.0.1", self.port, credentials=credentials)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self._path(name)

    def _run(self, command, environ):
        with open(self._path("output"), "ab") as output:
            return subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


class Forwarder:
    """Passes on to ``data.topic`` what plugins publish, under its name, as a node does."""

    def __init__(self, broker):
        self._broker = broker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        with self._broker.channel() as channel:
            for method, _, body in channel.consume(VALIDATOR, inactivity_timeout=0.05):
                if method is not None:
                    channel.basic_publish(TOPICS, wagglemsg.load(body).name, body)
                    channel.basic_ack(method.delivery_tag)
                elif self._stop.is_set():
                    break


def start():
    """Return a broker to enter; skip, or fail under CI, where RabbitMQ is not installed."""
    if not os.access(SERVER, os.X_OK):
        skip_without("RabbitMQ", "rabbitmq-server")
    return Broker()


def _received(method, properties, body):
    named = {name: value for name, value in vars(properties).items() if value is not None}
    return Received(method.routing_key, body, named)


def _durable(name, **more):
    return {"name": name, "vhost": "/", "durable": True, "arguments": {}, **more}


def _hash(password):
    """Return the salted hash that RabbitMQ keeps of a password."""
    salt = b"salt"
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def _wait_for_port(process, port, output=None):
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            text = ""
            if output is not None:
                with open(output, encoding="utf-8", errors="replace") as file:
                    text = file.read()
            raise AssertionError("%s did not start:\n%s" % (process.args, text))
        time.sleep(0.05)


def _end(process):
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(START_SECONDS / 3)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
