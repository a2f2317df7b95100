"""A bare FastAPI app that reads documents by their ids.

``python -m bench.contenders.bare_api MONGO DATABASE PORT``
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from pymongo import AsyncMongoClient


def bare_app(mongo_url: str, database: str) -> FastAPI:
    """One route, as a tutorial would write it: no token, no checks, no model."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url, tz_aware=True)
        app.state.database = client[database]
        yield
        await client.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/customers/{identifier}")
    async def _customer(request: Request, identifier: str) -> Any:
        return await request.app.state.database["customers"].find_one({"_id": identifier})

    return app


if __name__ == "__main__":
    uvicorn.run(bare_app(*sys.argv[1:3]), port=int(sys.argv[3]), access_log=False, log_level="warning")
