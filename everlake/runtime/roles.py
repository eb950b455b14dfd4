"""Processes of one machine by role: API processes behind one socket, and a worker."""

import os
import socket

import msgspec

from everlake.runtime.child_process import ChildProcess
from everlake.runtime.listener import LISTENER_VARIABLE
from everlake.runtime.supervisor import Supervisor, start_supervisor
from everlake.settings import Settings, to_environment

_MAX_API_PROCESSES = 4
"""Default upper bound; EVERLAKE_API_PROCESSES may set more."""


def api_process_count(settings: Settings) -> int:
    """Return how many API processes share a port."""
    return settings.api.processes or min(_MAX_API_PROCESSES, os.cpu_count() or 1)


def start_api(settings: Settings, listener: socket.socket) -> Supervisor:
    """Start API processes that share ``listener``; SIGTERM and SIGINT stop them."""
    return start_supervisor(_api_processes(settings, listener), listener)


def start_serve(settings: Settings, listener: socket.socket) -> Supervisor:
    """Start API processes that share ``listener``, and a worker; SIGTERM and SIGINT stop them."""
    worker = ChildProcess(["worker"], to_environment(settings))
    return start_supervisor([*_api_processes(settings, listener), worker], listener)


def _api_processes(settings: Settings, listener: socket.socket) -> list[ChildProcess]:
    """Return the API processes, each with its share of the memory for request bodies."""
    count = api_process_count(settings)
    share = max(1, settings.api.body_memory // count)
    api = msgspec.structs.replace(settings.api, processes=1, body_memory=share)
    descriptor = listener.fileno()
    environment = {
        **to_environment(msgspec.structs.replace(settings, api=api)),
        LISTENER_VARIABLE: str(descriptor),
    }
    return [ChildProcess(["api"], environment, [descriptor]) for _ in range(count)]
