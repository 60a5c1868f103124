// Runs before CloudFront looks anything up. The local front door does the same (infra/local/frontdoor).
function handler(event) {
  var request = event.request;
  if (request.uri === '/') {
    return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: '/docs' } } };
  }
  if (request.uri === '/docs') {
    request.uri = '/api/v1/docs';
  } else if (request.uri.startsWith('/media/')) {
    request.uri = request.uri.slice('/media'.length);
  }
  return request;
}
