"""The reference: a plain FastAPI application of 60 flat routes with 60 models behind Mangum, as a tutorial would write it."""

from typing import Any

from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel, create_model

app = FastAPI(openapi_url=None)


class Item(BaseModel):
    """What the last route answers."""

    item_id: int
    count: int
    name: str


def _add(number: int) -> None:
    model = create_model(f"Model{number}", item_id=(int, ...), count=(int, ...), name=(str, ...))

    async def route(item_id: int, count: int = 1, name: str = "x") -> Any:
        return model(item_id=item_id, count=count, name=name)

    route.__annotations__["return"] = model
    app.get(f"/api/v1/things{number}/{{item_id}}")(route)


for _number in range(59):
    _add(_number)


@app.get("/api/v1/health/{item_id}")
async def last(item_id: int, count: int = 1, name: str = "x") -> Item:
    """The last of sixty."""
    return Item(item_id=item_id, count=count, name=name)


handler = Mangum(app, lifespan="off")
