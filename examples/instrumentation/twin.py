"""The gateway's product view once more, in Python, without a line of instrumentation: FastAPI, httpx, SQLite.

ROLE says which of the three services this process is. `manual.py` is the same with spans written by hand.
"""

import asyncio
import os
import sqlite3

import fastapi
import httpx

ROLE = os.environ.get("ROLE", "gateway")
app = fastapi.FastAPI()


def row(table, column):
    """One row of a database that is made on the spot."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE {table} (id TEXT, {column})")
        connection.execute(f"INSERT INTO {table} VALUES (?, ?)", ("LAPTOP-001", 129900))
        return connection.execute(f"SELECT {column} FROM {table} WHERE id = ?", ("LAPTOP-001",)).fetchone()[0]


if ROLE == "inventory":

    @app.get("/products/{id}")
    def product(id: str):
        return {"id": id, "onHand": row("products", "onHand")}

elif ROLE == "pricing":

    @app.get("/prices/{id}")
    def price(id: str):
        if id == "BROKEN-001":
            raise RuntimeError("no such table")
        return {"id": id, "amountMinor": row("prices", "amount")}

else:
    client = httpx.AsyncClient()

    @app.get("/products/{id}")
    async def view(id: str):
        product, price = await asyncio.gather(
            client.get(f"{os.environ['INVENTORY_URL']}/products/{id}"), client.get(f"{os.environ['PRICING_URL']}/prices/{id}"))
        if price.status_code != 200:
            # The gateway's own word for it; nothing is thrown.
            return fastapi.responses.JSONResponse({"degraded": ["pricing"], "product": product.json()}, status_code=200)
        return {"product": product.json(), "price": price.json()}


@app.get("/health")
def health():
    return {"status": "up"}
