"""What a client posts, a recording as files or as numbers, becomes a job."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from beatlens.api.problems import RequestError, invalid
from beatlens.api.schemas import Options, Samples, Upload
from beatlens.api.service import Service
from beatlens.api.store import Job
from beatlens.api.uploads import MOST_FILES, Part, lay_out, save
from beatlens.errors import closest
from beatlens.explain.methods import METHODS
from beatlens.models.registry import list_models

FORM: Final = "multipart/form-data"
JSON: Final = "application/json"
_MOST_FIELDS: Final = 128
_MOST_FIELD_BYTES: Final = 4096


async def take_in(request: Request, service: Service) -> Job:
    """Make a job of what a request brings.

    Raises
    ------
    RequestError
        With 415 for another kind of body or a file that no reader takes, 422 for wrong fields or names, 413 for too much.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        raise RequestError(
            f"the body must be {FORM} with a file, or {JSON} with samples; got {kind[:80] or 'nothing'}",
            hint="curl -F file=@night.edf ... sends a form.",
            status=415,
        )
    async with service.arrival() as folder:
        if kind == FORM:
            options, path, name = await _take_form(request, service, folder)
        else:
            options, path, name = await _take_samples(request, folder)
        chosen = options.model_dump(exclude={"samples", "lead_names"}) | {
            "name": tidy_name(options.name or name),
            "model": check_model(options.model or service.settings.model),
            "method": check_method(options.method),
        }
        return await service.submit(folder, path, chosen)


async def _take_form(request: Request, service: Service, folder: Path) -> tuple[Options, Path, str]:
    try:
        async with request.form(max_files=MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES) as form:
            options = _options_of(form)
            files = [file for file in form.getlist("file") if isinstance(file, UploadFile)]
            path, name = await asyncio.to_thread(_keep_files, files, service, folder)
    except HTTPException as error:  # the parser's own, about what is not a form or has too many fields
        raise RequestError(f"the form cannot be read: {error.detail}", hint="curl -F file=@night.edf", status=400) from error
    except ClientDisconnect as error:
        raise RequestError("the client went before its upload was complete", status=400) from error
    return options, path, name


def _options_of(form: FormData) -> Upload:
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "file":
                raise RequestError(f"a file must be sent as the field 'file'; got '{name[:80]}'", status=422)
        elif name == "file":
            raise RequestError("the field 'file' must be a file; got text", hint="curl -F file=@night.edf", status=422)
        elif name == "leads":
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise RequestError(f"'{name[:80]}' must be given once; got it twice", status=422)
        else:
            fields[name] = value
    try:
        return Upload.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from error


def _keep_files(files: list[UploadFile], service: Service, folder: Path) -> tuple[Path, str]:
    most = service.settings.upload_bytes

    def too_much() -> RequestError:
        return RequestError(f"an upload must have at most {most >> 20} MB", status=413)

    parts, left = [], most
    for number, file in enumerate(files):
        path = folder / f"part-{number}"
        left -= save(file.file, path, most_bytes=left, refuse=too_much)
        parts.append(Part(file.filename or "", path))
    return lay_out(parts, most_bytes=service.settings.unpacked_bytes)


async def _take_samples(request: Request, folder: Path) -> tuple[Options, Path, str]:
    body = await request.body()
    samples = await asyncio.to_thread(_parse_samples, body, folder / "samples.npz")
    return samples, folder / "samples.npz", "samples"


def _parse_samples(body: bytes, path: Path) -> Samples:
    try:
        found = Samples.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise invalid(error) from error
    signal = np.array(found.samples, np.float64).T
    names = np.array(found.lead_names)
    with io.BytesIO() as file:
        np.savez(file, signal=signal, fs=found.fs, unit=np.array(found.unit), lead_names=names)
        path.write_bytes(file.getbuffer())
    return found


def tidy_name(name: str) -> str:
    r"""Return what a sender calls a recording, fit to be shown: one line, without control characters, never empty.

    Examples
    --------
    >>> tidy_name("night\n1"), tidy_name("../../etc/passwd"), tidy_name("")
    ('night 1', 'passwd', 'recording')
    """
    plain = re.split(r"[\\/]", "".join(letter if letter.isprintable() else " " for letter in name))[-1]
    return " ".join(plain.split())[:80].strip(".") or "recording"


def check_model(name: str, *, status: int = 422) -> str:
    """Return the name of a model of the package; a path, which `load_model` would take, is no such name.

    Raises
    ------
    RequestError
        With ``status``, if there is none.
    """
    return _check_name("model", name, [card.name for card in list_models()], status)


def check_method(name: str) -> str:
    """Return the name of a method of explanation; empty for what measured best for the model.

    Raises
    ------
    RequestError
        With 422, if there is none.
    """
    return name and _check_name("method", name, METHODS, 422)


def _check_name(kind: str, name: str, known: Iterable[str], status: int) -> str:
    if name not in known:
        raise RequestError(f"there is no {kind} '{name}'", hint=closest(name, known), status=status)
    return name
