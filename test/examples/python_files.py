"""Uses files and uploads through the official Python client, whose strict mode is on, and prints what came of it."""

import hashlib
import io
import json

import openai
from openai import OpenAI

client = OpenAI(max_retries=0, timeout=60, _strict_response_validation=True)

content = "größe,name\n1,ä\n".encode() * 100_000
named = client.files.create(file=("größe.csv", io.BytesIO(content)), purpose="user_data")
bare = client.files.create(file=b"x", purpose="vision", expires_after={"anchor": "created_at", "seconds": 3600})
secret = client.files.create(file=("a.txt", b"x"), purpose="assistants")
try:
    client.files.content(secret.id)
    refused = None
except openai.BadRequestError as error:
    refused = error.body["message"]
done = client.files.wait_for_processing(named.id, max_wait_seconds=1)

upload = client.uploads.upload_file_chunked(
    file=content,
    filename="big.csv",
    bytes=len(content),
    mime_type="text/csv",
    purpose="user_data",
    part_size=1_000_000,
    md5=hashlib.md5(content).hexdigest(),
)

print(
    json.dumps(
        {
            "named": [named.filename, named.bytes == len(content), done.status],
            "same": client.files.content(named.id).read() == content,
            "bare": [bare.filename, bare.expires_at - bare.created_at],
            "refused": refused,
            "upload": [upload.status, upload.file.filename],
            "assembled": client.files.content(upload.file.id).read() == content,
            "listed": [file.filename for file in client.files.list(purpose="user_data", order="asc")],
            "deleted": [client.files.delete(file.id).deleted for file in list(client.files.list(limit=2))],
            "left": len(client.files.list().data),
        }
    )
)
