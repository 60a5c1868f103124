// Apart from the page, because its content security policy lets no script stand inside it.
SwaggerUIBundle({
  dom_id: "#swagger",
  url: "/api/v1/openapi.json",
  deepLinking: true,
  docExpansion: "none",
  persistAuthorization: true,
});
