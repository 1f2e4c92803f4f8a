"""A Hugging Face Hub on the loopback interface, which the real client cannot tell from the one on the Internet.

It keeps model repositories in memory and speaks as much of the protocol as publishing and fetching models need, with
git LFS and without Xet. A test starts a `Hub`, gives a client process `Hub.environment()`, looks at what arrived, and
can make the server misbehave. The client reads its environment when it is imported, so every client is a process.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

LARGE = 1_000_000
GITATTRIBUTES = b"*.h5 filter=lfs diff=lfs merge=lfs -text\n"
# Neither the user's own token nor their cache or proxy may leak into a test.
FOREIGN_VARIABLES = re.compile("(?i)hf_.*|hugging.*|transformers_offline|.*_proxy")


class Request(NamedTuple):
    """A request as the log keeps it; `path` includes the query, `range` is the header."""

    method: str
    path: str
    authorized: bool
    range: str | None


class Refusal(Exception):
    """An answer that is not a success; `code` tells the client which of its exceptions to raise."""

    def __init__(self, status, message, code=None, body=None, headers=None):
        super().__init__(message)
        self.status = status
        self.body = {"error": message, **(body or {})}
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **(headers or {})}


@dataclass(frozen=True)
class Blob:
    """The content of a file, and whether LFS keeps it or git itself."""

    data: bytes
    lfs: bool

    @cached_property
    def sha256(self):
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self):
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @cached_property
    def oid(self):
        """The name in git, which of an LFS file knows only the pointer."""
        stored = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    @property
    def etag(self):
        return self.sha256 if self.lfs else self.oid


class Commit(NamedTuple):
    sha: str
    parent: str | None
    title: str
    date: str
    files: dict


@dataclass
class Repo:
    name: str
    private: bool
    commits: dict = field(default_factory=dict)
    branches: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)

    def __post_init__(self):
        # The real Hub starts every repository with this commit, too: a listing is never only what a user pushed.
        self.push("main", {".gitattributes": Blob(GITATTRIBUTES, lfs=False)}, "initial commit")

    def find(self, revision):
        """The commit that a branch, a tag or a full commit id names."""
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        if sha not in self.commits:
            raise Refusal(404, "Invalid rev id", "RevisionNotFound")
        return self.commits[sha]

    def push(self, branch, files, title):
        """Puts a commit of exactly these files on the branch and returns its id."""
        parent = self.branches.get(branch)
        identity = [self.name, parent, title, sorted((path, blob.oid) for path, blob in files.items())]
        sha = hashlib.sha1(json.dumps(identity).encode()).hexdigest()
        self.commits[sha] = Commit(sha, parent, title, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"), files)
        self.branches[branch] = sha
        return sha

    def history(self, revision):
        """The commits up to a revision, newest first."""
        commit = self.find(revision)
        while commit:
            yield commit
            commit = self.commits.get(commit.parent)


@dataclass
class Fault:
    kind: str
    where: str
    value: object
    times: int | None


class Hub:
    """A running Hub; `tokens` maps each token to its user, and `requests` is the log.

    A method that takes `times` misbehaves that many times; without it, from then on.
    """

    def __init__(self, tokens):
        self.tokens = dict(tokens)
        self.repos = {}
        self.objects = {}
        self.requests = []
        self.callback = None
        self.lock = threading.RLock()
        self._faults = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        # Large files come from another host, as on the real Hub: a redirect within its host the client follows at
        # once, and then misses the headers with the file's hash and size, which only the redirect carries.
        self.storage = f"http://localhost:{port}"

    def stop(self):
        """Takes the server off the network; the methods below go on working."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment(self, home, token=None, **more):
        """All variables for a client process that keeps its cache under `home` and knows only this Hub."""
        kept = {name: value for name, value in os.environ.items() if not FOREIGN_VARIABLES.fullmatch(name)}
        off = {f"HF_HUB_DISABLE_{feature}": "1" for feature in ("XET", "TELEMETRY", "PROGRESS_BARS")}
        given = {"HF_TOKEN": token} if token else {}
        return {**kept, **off, **given, "HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), **more}

    def add_commit(self, repo, files, message="A commit", branch="main", private=False):
        """Commits `files`, path to bytes or to None for a deletion, without a client, and returns the commit's id.

        A repository that does not exist yet is created, `private` or not.
        """
        with self.lock:
            repo = self.repos.setdefault(repo, Repo(repo, private))
            merged = dict(repo.find(branch).files)
            for path, data in files.items():
                if data is None:
                    del merged[path]
                else:
                    merged[path] = self.store(data, is_large(path, data))
            return repo.push(branch, merged, message)

    def store(self, data, lfs=True):
        """The blob of these bytes; if it is for LFS, its storage has it from now on."""
        blob = Blob(data, lfs)
        if lfs:
            self.objects[blob.sha256] = data
        return blob

    def add_tag(self, repo, tag, revision="main"):
        """Sets or moves a tag without a client."""
        self.repos[repo].tags[tag] = self.repos[repo].find(revision).sha

    def files(self, repo, revision="main"):
        """The files of a repository, path to bytes."""
        return {path: blob.data for path, blob in self.repos[repo].find(revision).files.items()}

    def commits(self, repo, revision="main"):
        """The history, newest first, as pairs of commit id and message."""
        return [(commit.sha, commit.title) for commit in self.repos[repo].history(revision)]

    def tags(self, repo):
        """The tags, name to commit id."""
        return dict(self.repos[repo].tags)

    def corrupt(self, path_suffix, times=None):
        """Flips one bit in the middle of files that are downloaded from paths with this end."""
        self._faults.append(Fault("corrupt", path_suffix, 1, times))

    def cut(self, path_suffix, after_bytes, times=None):
        """Hangs up after so many bytes of a response that carries a file from a path with this end."""
        self._faults.append(Fault("cut", path_suffix, after_bytes, times))

    def fail(self, status, path_substring, times=None):
        """Answers requests whose URL contains this with this status, and does nothing else."""
        self._faults.append(Fault("fail", path_substring, status, times))

    def answer(self, line_start, status=200, body=b"", headers=None, times=None):
        """Answers requests whose line, such as `GET /me/gan`, begins like this with whatever is given.

        Headers that are None are left out, `Content-Length` too.
        """
        self._faults.append(Fault("answer", line_start, (status, body, headers or {}), times))

    def drip(self, path_suffix, seconds):
        """Sends files from paths with this end byte by byte, with so many seconds between them."""
        self._faults.append(Fault("drip", path_suffix, seconds, None))

    def before_commit(self, callback):
        """Calls `callback()` once, when the next commit of a client has arrived and before it is looked at."""
        self.callback = callback

    def strike(self, kind, is_hit):
        """The value of the first fault of this kind that is still due and `is_hit` by its place, or None."""
        with self.lock:
            for fault in self._faults:
                if fault.kind == kind and fault.times != 0 and is_hit(fault.where):
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault.value


def is_large(path, sample, size=None):
    """Whether LFS keeps the file: weights, what is big, and what looks binary to git."""
    return path.endswith(".h5") or (size or len(sample)) > LARGE or b"\0" in sample[:512]


def listing(files):
    """All files and folders, path to what the Hub tells of them."""
    entries = {}
    for path, blob in sorted(files.items()):
        for folder in map(str, PurePosixPath(path).parents[-2::-1]):
            oid = hashlib.sha1(folder.encode()).hexdigest()
            entries[folder] = {"type": "directory", "path": folder, "oid": oid, "size": 0}
        entries[path] = {"type": "file", "path": path, "oid": blob.oid, "size": len(blob.data)}
        if blob.lfs:
            entries[path]["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
    return entries


ROUTES = []
# Old repositories have no owner in their name; no such exists here, but their URLs have to be understood.
REPO = "((?:[^/]+/)??[^/]+)"
MODEL = f"/api/models/{REPO}"


def route(methods, pattern):
    """Lets a handler's method answer the URLs that match, given the pattern's groups; the first route wins."""

    def register(answer):
        ROUTES.append((re.compile(f"(?:{methods}) {pattern}"), answer))
        return answer

    return register


class _Server(ThreadingHTTPServer):
    # A snapshot opens many connections at once, and whichever finds the queue full waits for a second.
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, by HTTP/1.0, so that no connection outlives `Hub.stop`."""

    @property
    def hub(self):
        return self.server.hub

    def answer(self):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        # A connection that is closed before its request was read is reset, and the client may never see the answer.
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorized = "Authorization" in self.headers
        self.hub.requests.append(Request(self.command, self.path, authorized, self.headers.get("Range")))
        try:
            if status := self.hub.strike("fail", lambda part: part in self.path):
                raise Refusal(status, "A failure that the test asked for")
            if answer := self.hub.strike("answer", f"{self.command} {self.path}".startswith):
                self.reply(*answer)
                return
            content = self.dispatch(f"{self.command} {url.path}")
            if content is not None:
                self.reply(200, json.dumps(content).encode(), {"Content-Type": "application/json"})
        except Refusal as refusal:
            self.reply(refusal.status, json.dumps(refusal.body).encode(), refusal.headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def dispatch(self, line):
        for pattern, answer in ROUTES:
            if match := pattern.fullmatch(line):
                return answer(self, *(unquote(group or "") for group in match.groups()))
        raise Refusal(404, "Not found")

    def reply(self, status, body, headers, cut=None, pause=None):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        # A client that has given up is no error of the server's.
        with contextlib.suppress(ConnectionError):
            if self.command != "HEAD" and pause is None:
                self.wfile.write(body[:cut])
            elif self.command != "HEAD":
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(pause)

    def log_message(self, *arguments):
        """Says nothing; `Hub.requests` is the log."""

    def json(self):
        return json.loads(self.body)

    def user(self, required=False):
        """The user to whom the request's token belongs; without a token None, or a refusal."""
        header = self.headers.get("Authorization")
        if header is None and required:
            raise Refusal(401, "Invalid username or password.")
        token = header and header.removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            # By these very words the client tells a wrong token from a missing repository.
            raise Refusal(401, "Invalid credentials in Authorization header")
        return token and self.hub.tokens[token]

    def repo(self, name, write=False):
        """The repository, if the user may know of it and, where they want to, write to it."""
        user, repo = self.user(), self.hub.repos.get(name)
        owns = user == name.split("/")[0]
        if user is None and (write or repo is None or repo.private):
            raise Refusal(401, "Invalid username or password.", "RepoNotFound")
        if repo is None or (repo.private and not owns):
            raise Refusal(404, "Repository not found", "RepoNotFound")
        if write and not owns:
            raise Refusal(403, "You don't have the rights to write to this repository")
        return repo

    @route("GET", "/api/whoami-v2")
    def whoami(self):
        user = self.user(required=True)
        return {"type": "user", "name": user, "orgs": [], "auth": {"accessToken": {"role": "write"}}}

    @route("POST", "/api/validate-yaml")
    def validate_yaml(self):
        bare = not self.json()["content"].startswith("---")
        return {"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}] if bare else []}

    @route("POST", "/api/repos/create")
    def create_repo(self):
        user, wanted = self.user(required=True), self.json()
        owner = wanted["organization"] or user
        if owner != user:
            raise Refusal(403, "You don't have the rights to create a model under this namespace")
        name = f"{owner}/{wanted['name']}"
        created = {"name": name, "url": f"{self.hub.endpoint}/{name}"}
        if name in self.hub.repos:
            raise Refusal(409, "You already created this model repo", body=created)
        self.hub.repos[name] = Repo(name, wanted.get("visibility") == "private")
        return created

    @route("POST", f"{MODEL}/preupload/([^/]+)")
    def preupload(self, name, revision):
        present = self.repo(name, write=True).find(revision).files
        answers = []
        for file in self.json()["files"]:
            path, sample = file["path"], base64.b64decode(file["sample"])
            mode = "lfs" if is_large(path, sample, file["size"]) else "regular"
            oid = present[path].etag if path in present else None
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": answers}

    @route("POST", rf"/{REPO}\.git/info/lfs/objects/batch")
    def lfs_batch(self, name):
        self.repo(name, write=True)
        objects = self.json()["objects"]
        for wanted in objects:
            if wanted["oid"] not in self.hub.objects:
                upload = {"href": f"{self.hub.storage}/upload/{wanted['oid']}"}
                verify = {"href": f"{self.hub.endpoint}/{name}.git/info/lfs/objects/verify"}
                wanted["actions"] = {"upload": upload, "verify": verify}
        return {"transfer": "basic", "objects": objects}

    @route("PUT", "/upload/([0-9a-f]{64})")
    def lfs_upload(self, oid):
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refusal(400, "This is not the content that was announced")
        self.hub.store(self.body)
        return {}

    @route("POST", rf"/{REPO}\.git/info/lfs/objects/verify")
    def lfs_verify(self, name):
        self.repo(name, write=True)
        if len(self.hub.objects.get(self.json()["oid"], b"")) != self.json()["size"]:
            raise Refusal(404, "The object was not uploaded")
        return {}

    @route("POST", f"{MODEL}/commit/([^/]+)")
    def commit(self, name, branch):
        repo = self.repo(name, write=True)
        header, *operations = map(json.loads, self.body.splitlines())
        callback, self.hub.callback = self.hub.callback, None
        if callback:
            callback()
        with self.hub.lock:
            head = repo.branches.get(branch)
            if head is None:
                raise Refusal(404, "Invalid rev id", "RevisionNotFound")
            if header["value"].get("parentCommit", head) != head:
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            files = dict(repo.commits[head].files)
            for operation in operations:
                self.apply(operation["key"], operation["value"], files)
            sha = repo.push(branch, files, header["value"]["summary"])
        return {"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}"}

    def apply(self, key, value, files):
        path = value["path"]
        if key == "file":
            files[path] = Blob(base64.b64decode(value["content"]), lfs=False)
        elif key == "lfsFile":
            if value["oid"] not in self.hub.objects:
                raise Refusal(400, "The commit points to an LFS object that was not uploaded")
            files[path] = Blob(self.hub.objects[value["oid"]], lfs=True)
        else:
            raise Refusal(400, f"This Hub knows no operation {key}")

    @route("POST", f"{MODEL}/tag/([^/]+)")
    def create_tag(self, name, revision):
        repo, tag = self.repo(name, write=True), self.json()["tag"]
        if tag in repo.tags:
            raise Refusal(409, "Tag reference exists already")
        repo.tags[tag] = repo.find(revision).sha
        return {}

    @route("POST", f"{MODEL}/branch/([^/]+)")
    def create_branch(self, name, branch):
        repo = self.repo(name, write=True)
        if branch in repo.branches:
            raise Refusal(409, "Reference already exists")
        repo.branches[branch] = repo.find(self.json().get("startingPoint", "main")).sha
        return {}

    @route("GET", f"{MODEL}/refs")
    def list_refs(self, name):
        repo = self.repo(name)

        def described(kind, shas):
            return [{"name": each, "ref": f"refs/{kind}/{each}", "targetCommit": sha} for each, sha in shas.items()]

        return {"branches": described("heads", repo.branches), "tags": described("tags", repo.tags), "converts": []}

    @route("GET", f"{MODEL}/commits/([^/]+)")
    def list_commits(self, name, revision):
        return [
            {"id": commit.sha, "title": commit.title, "message": "", "date": commit.date, "authors": []}
            for commit in self.repo(name).history(revision)
        ]

    @route("GET", f"{MODEL}/tree/([^/]+)(?:/([^/]+))?")
    def tree(self, name, revision, folder):
        entries = listing(self.repo(name).find(revision).files)
        if folder and folder not in entries:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        depth = None if self.query.get("recursive") == ["true"] else 1
        return [entries[path] for path in entries if PurePosixPath(folder) in PurePosixPath(path).parents[:depth]]

    @route("POST", f"{MODEL}/paths-info/([^/]+)")
    def paths_info(self, name, revision):
        entries = listing(self.repo(name).find(revision).files)
        asked = parse_qs(self.body.decode()).get("paths", [])
        return [entries[path] for path in asked if path in entries]

    @route("GET", f"{MODEL}(?:/revision/([^/]+))?")
    def info(self, name, revision):
        repo = self.repo(name)
        commit = repo.find(revision or "main")
        siblings = [{"rfilename": path} for path in commit.files]
        known = {"id": name, "sha": commit.sha, "lastModified": commit.date, "siblings": siblings}
        return {**known, "author": name.split("/")[0], "private": repo.private, "gated": False, "tags": []}

    @route("GET|HEAD", f"/{REPO}/resolve/([^/]+)/(.+)")
    def resolve(self, name, revision, path):
        commit = self.repo(name).find(revision)
        headers = {"X-Repo-Commit": commit.sha}
        if path not in commit.files:
            raise Refusal(404, "Entry not found", "EntryNotFound", headers=headers)
        blob = commit.files[path]
        if blob.lfs:
            linked = {"X-Linked-ETag": f'"{blob.etag}"', "X-Linked-Size": len(blob.data)}
            location = f"{self.hub.storage}/download/{blob.sha256}/{quote(path)}"
            self.reply(302, b"", {**headers, **linked, "Location": location})
        else:
            self.download(path, blob.data, {**headers, "ETag": f'"{blob.etag}"'})

    @route("GET", "/download/([0-9a-f]{64})/(.+)")
    def lfs_download(self, oid, path):
        if "Authorization" in self.headers:
            # The real storage is opened by a signed URL and refuses to be given a token as well.
            raise Refusal(400, "Only one auth mechanism allowed")
        self.download(path, self.hub.objects[oid], {"ETag": f'"{oid}"'})

    def download(self, path, data, headers):
        cut = pause = None
        if self.command == "GET":
            cut = self.hub.strike("cut", path.endswith)
            pause = self.hub.strike("drip", path.endswith)
            if data and self.hub.strike("corrupt", path.endswith):
                middle = len(data) // 2
                data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self.reply(200, data, headers, cut, pause)
            return
        start, size = int(asked[1]), len(data)
        if start >= size:
            raise Refusal(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{size}"})
        part = data[start : int(asked[2]) + 1 if asked[2] else size]
        self.reply(206, part, {**headers, "Content-Range": f"bytes {start}-{start + len(part) - 1}/{size}"}, cut)
