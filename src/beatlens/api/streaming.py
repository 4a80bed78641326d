"""A signal comes in over a WebSocket while it is recorded, and its beats go out.

The first message says what comes (`beatlens.api.schemas.StreamStart`); then samples follow, as JSON or as
little-endian float32; ``{"type": "finish"}`` ends it. The beats of all streams are found in one worker process of their own.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from beatlens.api.intake import check_model
from beatlens.api.problems import RequestError, busy, invalid, log, problem_of
from beatlens.api.schemas import MilliUnits, StreamStart
from beatlens.api.service import Service
from beatlens.records.units import millivolts

MOST_MESSAGE_BYTES: Final = 1 << 20
_PUSH_S: Final = 60.0
_CLOSE: Final = {503: 1013, 500: 1011, 504: 1011, 408: 1001}


class _Samples(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["samples"]
    samples: Annotated[list[list[MilliUnits | None]], Field(min_length=1, max_length=16)]


class _Finish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["finish"]


_MESSAGE: Final[TypeAdapter[_Samples | _Finish]] = TypeAdapter(Annotated[_Samples | _Finish, Field(discriminator="type")])


class Streams:
    """The streams of a server.

    Parameters
    ----------
    service : Service
        For its settings, its metrics, and a worker.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings = service.settings
        self._worker = service.new_worker()
        self.active = 0
        service.metrics.watch("streams", "WebSocket streams.", lambda: self.active)

    async def stop(self) -> None:
        """End the worker."""
        await self._worker.stop()

    async def serve(self, socket: WebSocket) -> None:
        """Take one stream from its first message to its end; every refusal is a message of the type ``problem``."""
        await socket.accept()
        name = secrets.token_hex(8)
        try:
            with self._place():
                await self._read(socket, name)
        except WebSocketDisconnect:
            return
        except Exception as error:
            problem = problem_of(error)
            if problem.status == 500:
                log.error("a stream failed", exc_info=error)
            if socket.client_state == WebSocketState.CONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has gone by itself
                    await socket.send_json({"type": "problem", "problem": problem.model_dump()})
                    await socket.close(_CLOSE.get(problem.status, 1008), reason=problem.detail[:100])

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self.active >= self._settings.streams:
            raise busy(f"at most {self._settings.streams} streams are read at a time")
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1

    async def _read(self, socket: WebSocket, name: str) -> None:
        start = await self._take_start(socket)
        model = check_model(start.model or self._settings.model)
        opened = {"kind": "open", "stream": name, "fs": start.fs, "lead_names": start.lead_names, "model": model}
        await self._ask(opened)
        n_beats = 0
        try:
            await socket.send_json({"type": "ready", "model": model})
            while (samples := await self._take_samples(socket, start)) is not None:
                task = {"kind": "push", "stream": name, "n_leads": len(start.lead_names)}
                found = await self._ask(task | {"samples": base64.b64encode(samples.tobytes()).decode()})
                n_beats += await self._tell(socket, found)
            n_beats += await self._tell(socket, await self._ask({"kind": "finish", "stream": name}))
            await socket.send_json({"type": "finished", "n_beats": n_beats})
            await socket.close()
        finally:
            with contextlib.suppress(Exception):  # forgotten already, or lost with its process
                await self._ask({"kind": "finish", "stream": name, "forget": True})

    async def _ask(self, task: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = await self._worker.run(task, limit_s=_PUSH_S)
        return found

    async def _tell(self, socket: WebSocket, found: dict[str, Any]) -> int:
        beats = found["beats"]
        if beats:
            await socket.send_json({"type": "beats", "beats": beats})
            self._service.metrics.streamed.inc(len(beats))
        return len(beats)

    async def _receive(self, socket: WebSocket) -> str | bytes:
        try:
            async with asyncio.timeout(self._settings.stream_idle_s):
                message = await socket.receive()
        except TimeoutError as error:
            raise RequestError(
                f"a stream must send something every {self._settings.stream_idle_s:g} s; nothing came", status=408
            ) from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | None = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    async def _take_start(self, socket: WebSocket) -> StreamStart:
        message = await self._receive(socket)
        try:
            start = StreamStart.model_validate_json(message, strict=True)
        except ValidationError as error:
            raise invalid(error) from error
        if len(set(start.lead_names)) != len(start.lead_names):
            raise RequestError("the leads must have different names", status=422)
        return start

    async def _take_samples(self, socket: WebSocket, start: StreamStart) -> np.ndarray[Any, Any] | None:
        """Return the next samples in mV, shape (n_samples, n_leads), float32; None at the end."""
        message = await self._receive(socket)
        n_leads = len(start.lead_names)
        if isinstance(message, bytes):
            if len(message) % (4 * n_leads):
                raise RequestError(
                    f"samples must come as float32 of {n_leads} leads in turn; got {len(message)} bytes", status=422
                )
            samples = np.frombuffer(message, "<f4").reshape(-1, n_leads)
        else:
            try:
                found = await asyncio.to_thread(_MESSAGE.validate_json, message)
            except ValidationError as error:
                raise invalid(error) from error
            if isinstance(found, _Finish):
                return None
            if len(found.samples) != n_leads or len({len(lead) for lead in found.samples}) != 1:
                raise RequestError(f"samples must be {n_leads} lists of one length, one a lead", status=422)
            samples = np.array(found.samples, np.float64).T
        if np.isinf(samples).any():
            raise RequestError("every sample must be a finite number, or NaN where one is missing", status=422)
        return np.ascontiguousarray(samples * millivolts(start.unit), "<f4")
