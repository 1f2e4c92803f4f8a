"""Calls of the Hub's client with a deadline, and one error for whatever goes wrong in them.

The client itself reads HF_TOKEN, HF_HOME, HF_ENDPOINT and HF_HUB_OFFLINE. ZOO_HUB_DEADLINE sets the seconds after which
a fetch or a push gives up.
"""

import concurrent.futures
import contextlib
import errno
import logging
import os
import threading
import time

from zoo.errors import HubError, InputError, printable
from zoo.version import __version__

_DEADLINE, _SECONDS = "ZOO_HUB_DEADLINE", 600


def asker(repo_id, revision=None, token=None):
    """Returns `ask(call, *arguments, **options)`, which makes every call of the client.

    All calls of one `ask` share a deadline, because the client's own timeouts restart with every byte. A call that
    misses the deadline continues in its daemon thread, which does not keep the process from ending; a download stops at
    the limit of such a file.

    Every exception of a call becomes one `HubError`, because only the client's code runs in it. The client's exception
    is neither quoted nor chained, because its text, which includes headers, may hold a token.
    """
    seconds = _deadline()
    end = time.monotonic() + seconds

    def ask(call, *arguments, **options):
        answer = concurrent.futures.Future()

        def run():
            try:
                answer.set_result(call(*arguments, **options))
            except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
                answer.set_exception(error)

        _escape_logs()
        threading.Thread(target=run, daemon=True).start()
        # Ctrl-C ends this wait, unlike a call of the client. A signal that comes just before a wait does not end it, so
        # each one is short.
        while not answer.done() and (left := end - time.monotonic()) > 0:
            concurrent.futures.wait([answer], min(left, 0.5))
        if not answer.done():
            from huggingface_hub import constants

            raise HubError(
                f"{constants.ENDPOINT} has not dealt with {repo_id!r} within {seconds:g} seconds; set {_DEADLINE} to "
                "more seconds to wait longer."
            )
        try:
            return answer.result()
        # A download that exceeds its limit raises HubError itself.
        except HubError:
            raise
        except Exception as error:  # noqa: BLE001 - the client lets through what a malformed answer makes Python raise
            raise HubError(_explanation(error, repo_id, revision, token)) from None

    return ask


def _deadline():
    """The number of seconds that a fetch or a push may take."""
    given = os.environ.get(_DEADLINE) or _SECONDS
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(given)) <= threading.TIMEOUT_MAX:
            return seconds
    raise InputError(f"The environment variable {_DEADLINE} is {given!r}, expected a number of seconds above 0.")


def _escape_logs():
    """Escapes control characters from a server, because the client repeats them in its warnings."""
    import huggingface_hub.utils  # noqa: F401 - makes the handler

    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_escape_record)


def _escape_record(record):
    record.msg, record.args = printable(record.getMessage()), ()
    return True


def _explanation(error, repo_id, revision, token):
    from huggingface_hub import constants, errors, get_token

    if isinstance(error, errors.LocalTokenNotFoundError):
        return "No token is stored; set HF_TOKEN, or run `hf auth login`."
    # If nothing is cached, the client has the server's answer only as the cause of its exception.
    if isinstance(error.__cause__, errors.HfHubHTTPError):
        error = error.__cause__
    status = getattr(getattr(error, "response", None), "status_code", None)
    endpoint = constants.ENDPOINT
    subject = f"{repo_id!r} on {endpoint}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"The repository {subject} has no revision {revision or 'main'!r}."
    if isinstance(error, errors.GatedRepoError):
        return f"The repository {subject} is gated; ask for access on its page, then set HF_TOKEN to your token."
    if isinstance(error, errors.RepositoryNotFoundError):
        if token is None and get_token() is None:
            return (
                f"There is no public repository {subject}; if it is private, set HF_TOKEN to a token that may read it."
            )
        return f"There is no repository {subject} that your token may read; check the name, or set another HF_TOKEN."
    if status == 401:
        return f"{endpoint} does not accept your token; set HF_TOKEN to a valid one (`hf auth login` stores it)."
    if status == 403:
        return f"Your token has no right to do this with {subject}; set HF_TOKEN to one that has."
    if status == 412:
        return (
            f"Somebody else pushed to {subject} since it was looked at; nothing was overwritten. Look at the new "
            "commit, then publish again."
        )
    if status is not None and status < 500:
        return f"{endpoint} refused the request about {repo_id!r} with status {status}."
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"HF_HUB_OFFLINE is set, so that {endpoint} cannot be asked about {repo_id!r}."
    if constants.is_offline_mode():
        return (
            f"{repo_id!r} is not wholly in the cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids to fetch it."
        )
    # The client's own network errors are OSErrors, too, but have no error number.
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
    ):
        return (
            f"The cache {constants.HF_HUB_CACHE} cannot be written ({error.strerror}); free space there, or point "
            "HF_HOME to another folder."
        )
    failure = f"{repo_id!r} could not be fetched or written"
    if status is not None:
        return f"{failure}: {endpoint} cannot be reached or answered with status {status}."
    if isinstance(error, (errors.HTTPError, OSError, errors.RevisionResolutionError)):
        # The client wraps the original exception.
        reason = type(error.__cause__ or error).__name__
        return f"{failure}: {endpoint} cannot be reached or failed with {reason}."
    return f"{failure}: an answer of {endpoint} or a setting of yours makes no sense ({type(error).__name__})."


def hub_api(token=None):
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name="generative-zoo", library_version=__version__)
